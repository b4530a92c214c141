#!/bin/sh
# Uses an unpacked CPython at many places, as people do: run in a machine that has a compiler.
#
#   relocation.sh ARTIFACT
#
# Says `ok: PLACE` for each place and stops at the first thing that fails.
set -eu

artifact=$1
work=/root/relocation
rm -rf "$work"
mkdir -p "$work/first"
tar -xf "$artifact" -C "$work/first"
home=$(echo "$work"/first/opt/python-*)
version=$(basename "$(echo "$home"/lib/python3.*)")
version=${version#python}
python=python$version

fail() {
    echo "$place: $1" >&2
    exit 1
}

same() {
    [ "$2" = "$3" ] || fail "$1 is \`$2\`, not \`$3\`"
}

cat >"$work/spam.c" <<'C'
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "spam", "", -1, methods};
PyMODINIT_FUNC PyInit_spam(void) { return PyModule_Create(&module); }
C
cat >"$work/host.c" <<'C'
#include <Python.h>
int main(void) {
    Py_Initialize();
    return PyRun_SimpleString("import ssl, sys; print(sys.version.split()[0])") != 0 || Py_FinalizeEx() < 0;
}
C

# What the interpreter says of itself, at the place where it is.
speaks() {
    prefix=$1
    real=$(realpath "$prefix")
    same sys.prefix "$("$prefix/bin/$python" -I -c 'import sys; print(sys.prefix)')" "$prefix"
    same sysconfig "$("$prefix/bin/$python" -I -c 'import sysconfig as s; print(s.get_config_var("LIBDIR"), s.get_config_var("INCLUDEPY"))')" \
        "$prefix/lib $prefix/include/$python"
    same libpython "$("$prefix/bin/$python" -I -c 'print({l.split(None, 5)[5].strip() for l in open("/proc/self/maps") if "libpython" in l} or "none")' \
        | sed "s|^{'$real/lib/libpython[^']*'}\$|own|;s|^none\$|own|")" own
    for script in "pip3 --version" "pip$version --version" "pydoc3 -h"; do
        # shellcheck disable=SC2086 # a program and its argument
        set -- ${script#* }
        "$prefix/bin/${script%% *}" "$@" >/dev/null || fail "bin/$script does not run"
    done
    "$prefix/bin/$python" -I -c 'import ctypes, decimal, hashlib, lzma, readline, sqlite3, ssl, zlib'
}

# What others compile with it. Folders with spaces are marked in the words for a compiler, so the shell reads them anew.
compiles() {
    prefix=$1
    out=$work/out
    mkdir -p "$out"
    suffix=$("$prefix/bin/$python-config" --extension-suffix)
    eval "cc -shared -fPIC $("$prefix/bin/$python-config" --includes) $work/spam.c -o $out/spam$suffix"
    same extension "$(cd "$out" && "$prefix/bin/$python" -c 'import spam; print(spam.answer())')" 42
    words="$("$prefix/bin/$python-config" --cflags) $work/host.c $("$prefix/bin/$python-config" --embed --ldflags)"
    eval "cc $words -o $out/host"
    LD_LIBRARY_PATH=$prefix/lib PYTHONHOME=$prefix "$out/host" >/dev/null || fail "what embeds it does not run"
    if command -v pkg-config >/dev/null; then
        words=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs "$python-embed" 2>/dev/null \
            || PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs "python-$version-embed")
        eval "cc $work/host.c $words -o $out/host"
        LD_LIBRARY_PATH=$prefix/lib PYTHONHOME=$prefix "$out/host" >/dev/null || fail "what pkg-config helped to embed it does not run"
    fi
    same python-config "$("$prefix/bin/$python-config" --prefix)" "$(realpath "$prefix")"
    "$prefix/bin/$python" -m venv "$out/env"
    "$out/env/bin/pip" --version >/dev/null || fail "a virtual environment's pip does not run"
    wheels=$(echo "$work"/setuptools-*.whl)
    if [ -e "$wheels" ]; then
        builds "$wheels"
    fi
    rm -r "$out"
}

# An extension by way of setuptools, in the virtual environment.
builds() {
    mkdir "$out/project"
    cp "$work/spam.c" "$out/project"
    echo 'from setuptools import *; setup(name="spam", ext_modules=[Extension("spam", ["spam.c"])])' >"$out/project/setup.py"
    "$out/env/bin/pip" install --quiet --no-index "$1"
    (cd "$out/project" && "$out/env/bin/python" setup.py --quiet build_ext --inplace >log 2>&1) || fail "setuptools: $(cat "$out/project/log")"
    same setuptools "$(cd "$out/project" && "$out/env/bin/python" -c 'import spam; print(spam.answer())')" 42
}

# Another user, who may write nothing there.
another_user() {
    chmod 755 /root "$work"
    setpriv --reuid=1234 --regid=1234 --clear-groups env HOME=/nonexistent "$1/bin/$python" -c \
        'import os, ssl; assert os.getuid() == 1234' || fail "another user cannot run it"
}

# Another libpython on the library path is not taken; a wrong PYTHONHOME is obeyed, as CPython promises, unless -I or -E.
hostile() {
    mkdir -p "$work/hostile"
    for library in "$1"/lib/libpython*.so*; do
        echo 'broken' >"$work/hostile/$(basename "$library")"
    done
    LD_LIBRARY_PATH=$work/hostile "$1/bin/$python" -I -c 'import ssl' || fail "LD_LIBRARY_PATH wins"
    for flag in -I -E; do
        PYTHONHOME=/nonexistent PYTHONPATH=$work/hostile "$1/bin/$python" $flag -c 'import ssl' || fail "PYTHONHOME wins over $flag"
    done
    if PYTHONHOME=/nonexistent "$1/bin/$python" -c pass 2>/dev/null; then
        fail "PYTHONHOME is not obeyed"
    fi
    env -i "$1/bin/$python" -I -c 'import ssl' || fail "it needs an environment"
}

all() {
    place=$1
    speaks "$2"
    compiles "$2"
    another_user "$2"
    hostile "$2"
    echo "ok: $place"
}

cp /root/setuptools-*.whl "$work" 2>/dev/null || true

long=$work/$(printf 'a-long-name-%.0s' 1 2 3 4 5 6 7 8 9 10)/$(printf 'and-another-%.0s' 1 2 3 4 5 6 7 8 9 10)
mkdir -p "$long"
mv "$home" "$long/python"
rm -r "$work/first"
all "a long path" "$long/python"

mkdir "$work/with some spaces"
mv "$long/python" "$work/with some spaces/python"
all "a path with spaces" "$work/with some spaces/python"

ln -s "with some spaces/python" "$work/link"
mkdir "$work/bin"
ln -s "../link/bin/$python" "../link/bin/pip3" "../link/bin/$python-config" "$work/bin"
all "a symbolic link" "$work/link"
same "python through a link" "$("$work/bin/$python" -I -c 'import os, sys; print(os.path.realpath(sys.prefix))')" "$(realpath "$work/link")"
"$work/bin/pip3" --version >/dev/null
same "python-config through a link" "$("$work/bin/$python-config" --prefix)" "$(realpath "$work/link")"

# Root may write everywhere; a mount that is read-only is so for root, too.
mkdir "$work/read-only"
chmod -R a-w "$work/link/"
if mount --bind "$work/link/" "$work/read-only" 2>/dev/null && mount -o remount,bind,ro "$work/read-only"; then
    all "a read-only mount" "$work/read-only"
else
    place="a tree that is write-protected"
    another_user "$work/link"
    echo "skipped: a read-only mount: not allowed here; another user used a write-protected tree"
fi

# What configure or the compilation left in it would send somebody to a folder of ours.
place="texts"
config=$(echo "$work"/link/lib/"$python"/config-*)
leaks=$(grep -lE '/build/(src|dest|debug)|-fprofile-|-flto' "$work"/link/lib/"$python"/_sysconfig* "$config"/Makefile "$work"/link/lib/pkgconfig/*.pc \
    "$work/link/bin/$python-config" "$work"/link/bin/pip3 || true)
same "what names the build" "$leaks" ""
inherited=$("$work/link/bin/$python" -I -c 'import sysconfig as s; print(*[s.get_config_var(n) for n in "CC CFLAGS LDFLAGS LDSHARED CCSHARED OPT".split()])')
case $inherited in
    *-fstack* | *FORTIFY* | *-Wl,* | *-g1* | *rpath*) fail "extensions inherit: $inherited" ;;
esac
same "make's prefix" "$(printf 'include %s/Makefile\nshow: ; @echo $(prefix)\n' "$config" >"$work/m" && cd / && ln -sfn "$work/with some spaces/python" /root/nospace && printf 'include /root/nospace/lib/%s/%s/Makefile\nvmbuild-show: ; @echo $(prefix)\n' "$python" "$(basename "$config")" >"$work/m" && make -sf "$work/m" vmbuild-show)" /root/nospace
echo "ok: texts"
