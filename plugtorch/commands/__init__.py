"""The commands of ``plugtorch``, one module each: ``add_parser(commands)`` declares, ``main(args)`` runs."""
