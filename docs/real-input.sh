#!/bin/sh
# Claims on real input, from an empty data directory: a trained 260,000-parameter Llama, 3,000 emotion
# stories without emotion words, and Reddit comments. What came out is in docs/postmortem.md.
#
#   sh docs/real-input.sh DATA [FOLDER] [PRESET]   DATA holds stories260K/, emotion_vector_bench/, goemotions/
set -eu
data=$1
folder=${2:-real-input}
preset=${3:-standard}
emotui=${EMOTUI:-emotui}
EMOTUI_HOME=$folder/home
export EMOTUI_HOME
if [ -e "$EMOTUI_HOME" ]; then echo "$EMOTUI_HOME is there already; name an empty folder" >&2; exit 2; fi
mkdir -p "$folder"
model=$data/stories260K

$emotui data import "$data/emotion_vector_bench/corpus/stories" --name bench --label emotion --topic topic
$emotui data import "$data/goemotions/dev.tsv" --name reddit --no-header --text 1 --label 2
bench=$($emotui extract --model "$model" --data bench --pool mean50)
reddit=$($emotui extract --model "$model" --data reddit --pool mean)
$emotui vectors build "$bench" --name bench

# Stories: one emotion against the rest; two of the same valence; pushing along one.
$emotui audit new --name furious-probe --kind probe --run "$bench" --emotion furious --layer 3 \
  --preset "$preset" --claim "furious is linearly decodable at layer 3"
$emotui audit new --name furious-resentful --kind cosine --run "$bench" --emotion furious \
  --with resentful --layer 3 --preset "$preset" --claim "furious and resentful are more alike than chance"
$emotui audit new --name furious-steer --kind steering --vectors bench --emotion furious --layer 3 \
  --alpha 0.2 --preset "$preset" --claim "adding furious raises furious words"
# Comments: joy (17) against sadness (25). They have no topics, so nothing can be SUPPORTED.
$emotui audit new --name joy-sadness --kind probe --run "$reddit" --emotion 17 --with 25 --layer 2 \
  --preset "$preset" --claim "joy can be told from sadness at layer 2"

for finding in furious-probe furious-resentful furious-steer joy-sadness; do
  $emotui audit run $finding --thorough
done
$emotui audit list
$emotui audit report --out "$folder/report"
$emotui audit check || echo "audit check: exit $?, as it must while a claim does not hold"
