"""One module a step, oldest first; `schema.KNOWN` lists them."""
