#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/setup_slow.sh FOLDER SUITE [COMMAND]: a fresh Debian in FOLDER/SUITE, with
# exim4 as its mail server (with SENDMAIL=qmail: a link to a sendmail of qmail's),
# and what ./bootstrap COMMAND (demo, or check) does to it: as root in /root, then as
# a user without root and without apt's lists, with umask 077, and once more without a
# network. Root's, needs debootstrap and the archive; minutes. Not part of make check.

set -eu
root=$1/$2 suite=$2 command=${3:-demo}
homes=/home
source=$(pwd)

# inside COMMAND...: with the folder as root, in namespaces, not by chroot, in
# which there are no user namespaces
inside() {
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount --pid --fork --kill-child sh -euc '
        root=$1 && shift
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        cp -L /etc/resolv.conf "$root/etc/resolv.conf"
        mkdir -p "$root/.outside" && cd "$root" && pivot_root . .outside
        umount -l /.outside && cd /
        exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$root" "$@"
}

# state: what must not change, a line each
state() {
    # shellcheck disable=SC2016
    inside sh -c 'dpkg-query -W -f "package \${Package}\n"; readlink -f /usr/sbin/sendmail
        find /etc/alternatives /usr/sbin/sendmail /var/qmail -printf "link %p %l\n" 2>/dev/null |
            grep -E "sendmail|mail|mta|qmail"
        ls /usr/sbin/policy-rc.d 2>&1; cat /etc/passwd /etc/group
        find /etc/rc?.d /etc/systemd /etc/exim4 -type f -o -type l 2>/dev/null' | sort
}

if [ ! -d "$root" ]; then
    debootstrap --variant=minbase "$suite" "$root" >"$1/$suite.log"
    # Of an archive that is a copy of some day.
    apt-config dump Acquire::Check-Valid-Until >"$root/etc/apt/apt.conf.d/90valid"
    # shellcheck disable=SC2016 # the inner shell's
    inside sh -euc 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d; apt-get update -q; DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends $1 passwd
        rm /usr/sbin/policy-rc.d; useradd -m user; [ $1 ] || {
            mkdir -p /var/qmail/bin; echo exit 111 >/var/qmail/bin/sendmail
            ln -s /var/qmail/bin/sendmail /usr/sbin/sendmail; }' sh \
        "$([ "${SENDMAIL:-}" = qmail ] || echo exim4-daemon-light)" >>"$1/$suite.log" 2>&1
fi
for home in /root "$homes/user"; do
    mkdir -p "$root$home/mote"
    git -C "$source" archive HEAD | tar -xf - -C "$root$home/mote"
done
chmod 0700 "$root/root"
state >"$1/$suite.before"
# shellcheck disable=SC2016 # the inner shell's
inside sh -c 'cd "$HOME/mote" && ./bootstrap "$1"' sh "$command" && said=ok || said='not ok'
echo "$said ${suite}_root_$command"
state >"$1/$suite.after"
if [ -z "$(comm -23 "$1/$suite.before" "$1/$suite.after")" ] &&
    ! comm -13 "$1/$suite.before" "$1/$suite.after" | grep -qv '^package '; then
    echo "ok ${suite}_changes_nothing"
else
    echo "not ok ${suite}_changes_nothing"
    diff "$1/$suite.before" "$1/$suite.after"
fi
inside sh -c "chown -R user $homes/user && rm -rf /var/lib/apt/lists/* && cd $homes/user/mote &&
    umask 077 && setpriv --reuid=user --regid=user --clear-groups env HOME=$homes/user \
        sh -c './bootstrap $command && unshare --user --map-root-user --net ./bootstrap $command'" &&
    said=ok || said='not ok'
echo "$said ${suite}_user_$command"
