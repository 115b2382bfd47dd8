"""Work of the helpdesk on users: checks, approvals, invitations, jobs and incidents."""
