import os

import requests

BASE = "http://127.0.0.1:3000"
KEY = os.environ.get("API_KEY", "none")  # your key, where keys are configured

service = requests.Session()
service.headers["Authorization"] = f"Bearer {KEY}"


def ask(method, path, **more):
    answer = service.request(method, f"{BASE}/api/v1{path}", timeout=60, **more)
    answer.raise_for_status()
    return answer


# Photographs in, up to 25 at once. The answer names the job.
with open("chair.jpg", "rb") as photograph:
    form = {"files": photograph}
    job = ask("POST", "/upload", files=form, data={"face_limit": 20000}).json()

# Each question is answered as soon as there is news, after 30 seconds at the latest.
status = ask("GET", f"/status/{job['job_id']}").json()
while status["status"] in ("pending", "processing"):
    print(status["status"], status["progress"])
    status = ask("GET", f"/status/{job['job_id']}", params={"wait": 30}).json()

# One GLB for each photograph.
for file in status["files"]:
    if file["status"] == "completed":
        model = ask("GET", f"/download/{job['job_id']}/{file['file_id']}/model", params={"stream": 1})
        with open(file["filename"] + ".glb", "wb") as kept:
            kept.write(model.content)
    else:
        print(file["filename"], file["error"]["message"])
