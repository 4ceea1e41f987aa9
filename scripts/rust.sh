# Sourced: finds cargo also where a shell has not looked since rustup put it there, or where sudo does not look.
if ! command -v cargo >/dev/null; then
    for home in "$HOME" "$(getent passwd "${SUDO_USER:-}" 2>/dev/null | cut -d: -f6)"; do
        if [ -n "$home" ] && [ -x "${CARGO_HOME:-$home/.cargo}/bin/cargo" ]; then
            export CARGO_HOME="${CARGO_HOME:-$home/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$home/.rustup}"
            PATH="$CARGO_HOME/bin:$PATH"
            break
        fi
    done
fi
