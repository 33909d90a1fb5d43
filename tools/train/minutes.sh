#!/bin/sh
# Trains a network of many steps and one of few on one GPU in about nine minutes, on data that pack.py made small, and writes
# all that is needed to go on, in pieces: cat words.tar.* | tar x
#
#   minutes.sh DATA OUT [SECONDS_OF_MANY [SECONDS_OF_FEW [INIT]]]
set -eu
here=$(dirname "$0") data=$1 out=$2 many=${3:-330} few=${4:-110} init=${5:+--init $5}
work=$(mktemp -d)
network="--preset words --hidden-size 256 --depth 7 --num-heads 4 --predict x0" # the largest that stays within 10 MB and 12 ms
python3 "$here/train.py" --data "$data" --out "$work/words" $network --t-mean 1.3 --batch 256 --lr 3e-3 --warmup 200 \
    --seconds "$many" --decay 0.4 --compile --sheet-every 2000 --save-every 100000 $init
python3 "$here/few.py" --model "$work/words" --data "$data" --out "$work/trajectories" --count 8000 --batch 500
python3 "$here/train.py" --data "$data" --out "$work/few" $network --init "$work/words/x0.safetensors" --trajectories "$work/trajectories" \
    --batch 128 --lr 1e-3 --warmup 50 --seconds "$few" --decay 0.5 --compile --sheet-every 2000 --save-every 100000
rm -f "$work"/*/checkpoint.pt
mkdir -p "$out"
tar -C "$work" -c words few | split -b 15m - "$out/words.tar."
