"""The command line: every action on a screen as a command, with exit codes and output to rely on."""
