# What a training job on SageMaker starts, in the unpacked source: training, with its folders named as it knows them.
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
set -euo pipefail

root=${OPT_ML:-/opt/ml}
python=${PYTHON:-python3}
input=$root/input/data

complain() {
    mkdir -p "$root/output"
    echo "$1" | tee "$root/output/failure" >&2
    exit 1
}

"$python" -m pip install --quiet --disable-pip-version-check -r training/requirements.txt ||
    complain "The libraries of the training could not be installed: the job needs a way to the package index."

# The channels lie beside each other as a dataset does, but for one file. Where nobody may write there, they are copied.
data=$input
if ! cp "$input/annotations/baselines.json" "$input/" 2>/dev/null; then
    data=$PWD/data
    mkdir -p "$data"
    cp -r "$input/annotations" "$input/images" "$data/"
    cp "$input/annotations/baselines.json" "$data/"
fi

export SM_CHANNEL_DATA=$data
if [ -d "$input/start" ]; then export SM_CHANNEL_START=$input/start; fi
if [ -d "$input/baseline" ]; then export SM_CHANNEL_BASELINE=$input/baseline; fi
# The run folder is the result. What lies in SageMaker's folders for results would be packed and kept once more, with
# the report's pictures, where nobody looks for those that have to be erased.
export SM_OUTPUT_DIR=$root/output
SM_HPS=$(cat "$root/input/config/hyperparameters.json")
export SM_HPS

# In place of this shell: the signal to end reaches the training, which writes a checkpoint first.
exec "$python" -m training train --out "$root/checkpoints"
