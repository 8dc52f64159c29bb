"""What the tests of an index need: a server, the installers that use it, and the table of what they got."""
