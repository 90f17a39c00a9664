"""The command ``augmentlab``, which is ``python -m augmentlab`` as well."""

import signal
import sys


def main() -> None:
    """Run the command line, and leave the interpreter with its status."""
    # Loading and unloading modules hold nothing that has to be put in order: Ctrl-C ends them, without Python's traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from augmentlab.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
