"""Stand-ins for GitHub's part in a workflow, so that its steps can be read and run on this machine."""
