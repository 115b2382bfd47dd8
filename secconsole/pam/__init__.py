"""Sign-ins of SSH and other programs that use PAM: an agent that converses with `pam/pam_secconsole.c`."""
