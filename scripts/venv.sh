# Sourced by the scripts beside it; POSIX sh. The caller sets
#   root    the repository's root, absolute
#   extras  base (to draw), or base and one of pyproject.toml's extras: test, train
# and finds in $python an interpreter with everything installed.

# PyTorch's threads spin for a while after each operation, which keeps the renderer's off their core.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"

say() { printf '%s\n' "$*" >&2; }

# The first interpreter of a version we support. It has to start: a version manager's stand-in for
# a Python that is not there has the name as well.
find_python() {
    found=
    for candidate in python3 python3.12 python3.13 python3.11 python; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case $version in
            3.11 | 3.12 | 3.13) printf '%s\n' "$candidate"; return ;;
            *) found="$found $candidate is $version;" ;;
        esac
    done
    say "Python 3.11, 3.12 or 3.13 is needed;${found:- no Python was found;} install one of the three from python.org or your package manager and start again."
    return 1
}

venv="$root/.venv"
python="$venv/bin/python"

# What .venv was installed from and where: a moved or edited checkout is installed again.
wanted=$(cd "$root" && { pwd; cat pyproject.toml constraints.txt; } | cksum)
is_ready() { [ "$(cat "$venv/ready-$1" 2>/dev/null)" = "$wanted" ] && "$python" -c '' 2>/dev/null; }

install() {
    # No stamp at all: there is no .venv yet, or its making was interrupted. Start from nothing.
    if ! "$python" -c '' 2>/dev/null || ! [ -e "$venv/ready-base" ]; then
        base_python=$(find_python) || return 1
        say "First run: making .venv in $root and installing PyTorch and the rest into it, a few minutes ..."
        "$base_python" -m venv --clear "$venv" || {
            say "$base_python could not make .venv (see above); on Debian and Ubuntu: apt-get install python3-venv."
            return 1
        }
    else
        say "Bringing .venv in $root up to date ..."
    fi
    rm -f "$venv/ready-base"
    case $extras in base) project=$root ;; *) project="$root[$extras]" ;; esac
    "$python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$root/constraints.txt" --editable "$project" || {
        say "pip could not install what the project needs (see above); mend that and start again."
        return 1
    }
    printf '%s\n' "$wanted" >"$venv/ready-$extras"
    printf '%s\n' "$wanted" >"$venv/ready-base"
}

is_ready "$extras" || install || exit 1
