#!/bin/sh
# Trains a network of many steps, and jumps of few, on one GPU in about nine minutes, on data that pack.py made small, and writes
# all that is needed to go on, in pieces: cat words.tar.* | tar x
#
#   minutes.sh DATA OUT [SECONDS_OF_MANY [SECONDS_OF_FEW [INIT]]]
set -eu
here=$(dirname "$0") data=$1 out=$2 many=${3:-240} few=${4:-240} init=${5:+--init $5}
work=$(mktemp -d)
# the largest that stays within 10 MB and 12 ms
network="--preset words --hidden-size 256 --depth 7 --num-heads 4 --predict x0 --t-mean 1.3 --compile --sheet-every 2000 --save-every 100000"
python3 "$here/train.py" --data "$data" --out "$work/words" $network --batch 256 --lr 3e-3 --warmup 200 --seconds "$many" --decay 0.2 $init
python3 "$here/train.py" --data "$data" --out "$work/few" $network --init "$work/words/x0.safetensors" --jumps 0.8 --paint 0.15 --wear 0.12 \
    --batch 128 --lr 1.5e-3 --warmup 50 --seconds "$few" --decay 0.5
rm -f "$work"/*/checkpoint.pt
mkdir -p "$out"
tar -C "$work" -c words few | split -b 15m - "$out/words.tar."
