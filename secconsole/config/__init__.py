"""Where things are kept on this machine, and the files a person may edit."""
