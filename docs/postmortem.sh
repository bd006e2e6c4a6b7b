#!/bin/sh
# Three findings of a post-mortem, rebuilt on the embedded model with a planted length confound, and
# audited from an empty data directory. What came out is in docs/postmortem.md.
#
#   sh docs/postmortem.sh [FOLDER] [PRESET]       default: postmortem standard
#
# Every line below is a command one would type. `emotui` must be on the PATH (or set EMOTUI).
set -eu
folder=${1:-postmortem}
preset=${2:-standard}
texts=${TEXTS:-4000}
emotui=${EMOTUI:-emotui}
mkdir -p "$folder"
EMOTUI_HOME=$folder/home
export EMOTUI_HOME
if [ -e "$EMOTUI_HOME" ]; then echo "$EMOTUI_HOME is there already; name an empty folder" >&2; exit 2; fi

# A corpus in which the stories of two emotions are long and all others short, in 4 of 10 texts;
# and the same corpus without that fault, to hold the answers against.
$emotui data sample --out "$folder/confounded" --texts "$texts" --length-confound 0.4 --long angry,sad
$emotui data sample --out "$folder/clean" --texts "$texts"
$emotui data import "$folder/confounded/stories.jsonl" --name stories --label label --topic topic
$emotui data import "$folder/clean/stories.jsonl" --name clean --label label --topic topic
$emotui data import "$folder/confounded/neutral.jsonl" --name neutral --label label --topic topic
$emotui data check stories

run=$($emotui extract --model demo --data stories --pool mean)
clean=$($emotui extract --model demo --data clean --pool mean)
$emotui extract --model demo --data neutral --pool mean
$emotui vectors build "$run" --name emotions --neutral neutral

# F1: "the layer-5 probe is where anger lives". A layer is named, one run, one look.
$emotui audit new --name F1 --kind probe --run "$run" --emotion angry --layer 5 --preset "$preset" \
  --claim "the anger probe peaks at layer 5, so angry is encoded there"

# F2: the cosine of anger and sadness, before anything is done about length ...
$emotui audit new --name F2 --kind cosine --run "$run" --emotion angry --with sad --layer 5 \
  --preset "$preset" --claim "anger and sadness share a direction: their cosine is far above noise"
# ... and the same question on the corpus without the fault.
$emotui audit new --name F2-clean --kind cosine --run "$clean" --emotion angry --with sad --layer 5 \
  --preset "$preset" --claim "angry and sad directions are more alike than chance"

# The revised F2 as it was reported: two vectors and a number, without the texts behind them.
$emotui vectors export emotions "$folder/emotions.npz" --format npz
${PYTHON:-python3} - "$folder/emotions.npz" "$folder/reported.npz" <<'END'
import sys
import numpy as np
ours = np.load(sys.argv[1])
labels = __import__("json").loads(str(ours["emotui"]))["labels"]
pair = {f"{name}/5": ours["raw"][labels.index(name), 5] for name in ("angry", "sad")}
np.savez(sys.argv[2], **pair)
END
$emotui vectors import "$folder/reported.npz" --name reported
$emotui audit new --name F2-revised --kind cosine --vectors reported --emotion angry --with sad \
  --preset "$preset" --claim "after length normalisation angry and sad are still more alike than chance"

# F3: pushing along joy raises positive adjectives on neutral prompts.
$emotui audit new --name F3 --kind steering --vectors emotions --emotion happy --layer 5 --alpha 0.25 \
  --target-words fine,light,pretty,better,whole --neutral-words long,blue,wooden,three,closed \
  --preset "$preset" --claim "adding joy lifts positive adjectives on neutral prompts"

# Before any control has run nothing is supported: a control that was not run never counts as passed.
$emotui audit list

for finding in F1 F2 F2-clean F2-revised F3; do
  $emotui audit run $finding --thorough
done

$emotui audit list
$emotui audit report --out "$folder/report"
$emotui audit check || echo "audit check: exit $?, as it must while a claim does not hold"
