BASE=http://127.0.0.1:3000
KEY=${API_KEY:-none}    # your key, where keys are configured

ask() { curl --silent --show-error --fail --header "Authorization: Bearer $KEY" "$@"; }
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

# Photographs in, up to 25 at once. The answer names the job.
JOB=$(ask -F files=@chair.jpg -F face_limit=20000 "$BASE/api/v1/upload" | field job_id)

# Watch it live, as server-sent events, until it has ended. A stream is closed every few minutes, and opened again here.
set -o pipefail
while ask --no-buffer --location "$BASE/api/v1/status/stream/$JOB" | tee events.txt &&
  ! grep -q '"type":"job"' events.txt; do sleep 2; done

# All models in one ZIP.
ask --location --output models.zip "$BASE/api/v1/download/$JOB/all?format=zip"
