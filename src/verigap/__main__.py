"""`python -m verigap`, the same as `verigap`."""

from verigap.cli.start import main

if __name__ == "__main__":
    main()
