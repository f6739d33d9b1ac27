/** Defines no pipeline. */
export const nothing = 0
