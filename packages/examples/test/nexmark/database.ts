/**
 * The same events in a database, and the queries in SQL: an independent computation of the results.
 */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import { Generator, type GeneratorOptions } from "../../src/nexmark/Generator.ts"
import type { QueryName } from "../../src/nexmark/queries.ts"

/** Opens a database that has the events of some options. */
export const load = async (options: GeneratorOptions): Promise<DuckDBConnection> => {
  const connection = await (await DuckDBInstance.create(":memory:")).connect()
  await connection.run(`
    create table person (id bigint, name text, email text, creditCard text, city text, state text, dateTime bigint,
      extra text);
    create table auction (id bigint, itemName text, description text, initialBid bigint, reserve bigint,
      dateTime bigint, expires bigint, seller bigint, category bigint, extra text);
    create table bid (auction bigint, bidder bigint, price bigint, dateTime bigint, extra text)`)
  const generator = new Generator(options)
  const appenders = {
    Person: await connection.createAppender("person"),
    Auction: await connection.createAppender("auction"),
    Bid: await connection.createAppender("bid")
  }
  for (let position = 0; position < options.events; position++) {
    const { _tag, ...fields } = generator.at(position)
    const appender = appenders[_tag]
    for (const field of Object.values(fields)) {
      if (typeof field === "number") appender.appendBigInt(BigInt(field))
      else appender.appendVarchar(field)
    }
    appender.endRow()
  }
  for (const appender of Object.values(appenders)) appender.closeSync()
  return connection
}

const won = `
  select a.*, b.auction as bidAuction, b.bidder, b.price, b.dateTime as bidTime
  from auction a join bid b on b.auction = a.id and b.dateTime between a.dateTime and a.expires
  qualify row_number() over (partition by a.id order by b.price desc, b.dateTime, b.bidder) = 1`

/** Each query in SQL; its columns are those of the pipeline's rows, nested ones side by side. */
export const sql: { readonly [Name in QueryName]: string } = {
  q0: `
    select id, dateTime, name, extra from person
    union all select id, dateTime, itemName, extra from auction
    union all select auction, dateTime, bidder::text, extra from bid`,
  q1: "select auction, bidder, 0.908::double * price as price, dateTime from bid",
  q2: "select auction, price from bid where auction % 123 = 0",
  q3: `
    select p.name, p.city, p.state, a.id as auction from auction a join person p on a.seller = p.id
    where a.category = 10 and p.state in ('OR', 'ID', 'CA')`,
  q4: `select category, avg(price) as price from (${won}) group by category`,
  q5: `
    with counts as (
      select auction, dateTime // 2000 * 2000 - 2000 * i as start, count(*) as bids
      from bid, range(5) t(i) group by all
    )
    select start, any_value(bids) as bids, list(auction order by auction) as auctions
    from (select * from counts qualify bids = max(bids) over (partition by start)) group by start`,
  q6: `
    select seller, id as auction,
      avg(price) over (partition by seller order by expires, id rows between 9 preceding and current row) as price
    from (${won})`,
  q7: `
    select dateTime // 10000 * 10000 as start, auction, bidder, price, dateTime from bid
    qualify price = max(price) over (partition by start)`,
  q8: `
    select distinct p.id, p.name, p.dateTime // 10000 * 10000 as start
    from person p join auction a on a.seller = p.id and a.dateTime // 10000 = p.dateTime // 10000`,
  q9: `
    select id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, bidAuction, bidder,
      price, bidTime from (${won})`,
  q11: `
    with marked as (
      select bidder, dateTime,
        coalesce(dateTime - lag(dateTime) over (partition by bidder order by dateTime) >= 10000, true) as opens
      from bid
    ), numbered as (
      select bidder, dateTime, sum(opens::int) over (partition by bidder order by dateTime, opens desc
        rows unbounded preceding) as session from marked
    )
    select bidder, count(*) as bids, min(dateTime) as start, max(dateTime) + 10000 as "end"
    from numbered group by bidder, session`,
  q12: "select bidder, count(*) as bids from bid group by bidder"
}

/** The rows of a query as lines, in order. */
export const rowsOf = async (connection: DuckDBConnection, query: string): Promise<ReadonlyArray<string>> =>
  lines((await connection.runAndReadAll(query)).getRowsJS())

/** Rows as lines, in order: what two computations of the same rows have in common. */
export const lines = (rows: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  rows
    .map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)))
    .sort()
