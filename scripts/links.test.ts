/**
 * Every relative link in the documents names a file, and every anchor in it a heading.
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, globSync, readFileSync } from "node:fs"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "..")

const linksOf = (markdown: string): ReadonlyArray<string> =>
  Array.from(markdown.replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\((?!\w+:)([^)\s]+)\)/g), ([, link]) => link)

const anchorsOf = (markdown: string): ReadonlyArray<string> =>
  Array.from(markdown.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, "")
      .replaceAll(" ", "-")
  )

const isBroken = (document: string, link: string): boolean => {
  const [target, anchor] = link.split("#")
  const file = target === "" ? document : path.join(path.dirname(document), target)
  if (!existsSync(file)) return true
  return anchor !== undefined && !anchorsOf(readFileSync(file, "utf8")).includes(anchor)
}

const documents = globSync(["*.md", "docs/**/*.md", "packages/*/*.md"], { cwd: root })

describe("documents", () => {
  it("are found", () => {
    assert.includeMembers(documents, ["README.md", "CONTRIBUTING.md", path.join("docs", "glossary.md")])
  })

  it.each(documents)("%s has no broken link", (name) => {
    const document = path.join(root, name)
    const broken = linksOf(readFileSync(document, "utf8")).filter((link) => isBroken(document, link))
    assert.deepStrictEqual(broken, [])
  })

  it("would show a missing file and a missing heading", () => {
    const readme = path.join(root, "README.md")
    const links = linksOf("[a](docs/none.md) [b](docs/glossary.md#none) [c](docs/glossary.md#rings) [d](https://a.b/c)")
    assert.deepStrictEqual(
      links.map((link) => isBroken(readme, link)),
      [true, true, false]
    )
  })
})
