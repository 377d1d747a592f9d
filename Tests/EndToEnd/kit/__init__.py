"""What the end-to-end tests drive the program with: processes, sockets, payments, and stand-ins for what is around it."""
