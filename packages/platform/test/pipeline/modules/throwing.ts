/** Cannot be imported. */
export const nothing = ((): never => {
  throw new RangeError("no configuration")
})()
