throw new TypeError("thrown while it was imported")
