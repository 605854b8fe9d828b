# Runs a program on this machine as it would be with other files in place: its own /etc, users, host name and package.
#
#   unshare --uts --mount --pid --fork --kill-child sh enclosure.sh FOLDER PACKAGE HOST PROGRAM [ARGUMENT…]
#
# FOLDER/files is laid over the root, PACKAGE/usr too (- for none). All that the program writes is memory and gone with
# it, but for FOLDER, which it sees at the same path. The shell stays: it is process 1, and when it dies all others do.
set -e
folder=$1 package=$2 host=$3
shift 3
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
mount --rbind /dev dev
mount -t proc proc proc
[ "$package" = - ] || tar -C "$package" -c usr | tar -x --keep-directory-symlink --no-same-owner
tar -C "$folder/files" -c . | tar -x --keep-directory-symlink --no-same-owner
mkdir -p "./$folder"
mount --bind "$folder" "./$folder"
hostname "$host"
chroot . "$@" || exit
