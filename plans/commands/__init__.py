"""The commands and the road into them. One module a command; loading the app registers them all."""
