"""The commands and the road into them. One module a command; importing this package registers them all."""
