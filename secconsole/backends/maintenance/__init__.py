"""Work on a whole store by its owner: backup, restore, and rotation of the master key."""
