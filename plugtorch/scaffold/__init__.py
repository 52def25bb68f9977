"""The project that ``plugtorch new-backend`` writes: the ``.template`` files, with @NAME@, @CLASS@ and @DIST@ filled in."""
