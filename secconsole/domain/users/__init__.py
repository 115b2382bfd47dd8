"""Rules of users: logins, passwords, invitations, and the search for users."""
