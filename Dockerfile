# A predictor in an image for CPUs, amd64 and arm64, served by Cog's own server:
#   docker build --build-arg PREDICTOR=clipdraw -t clipdraw .
# docs/images.md says how to run it, how large it is and why. Images for GPUs are Cog's, by cog.yaml.
ARG BASE=python:3.11-slim

# --- what the predictor imports -------------------------------------------------------------------
# The names of its packages, in a stage of its own: what comes after depends on them alone, and is
# the same layers for all predictors that need the same. requirements.txt also has versions, but an
# older PyTorch, the newest that Cog knows.
FROM $BASE AS needs
ARG PREDICTOR
COPY predictors/$PREDICTOR/requirements.txt requirements.txt
RUN (sed 's/[=#].*//' requirements.txt && echo cog) | sort -u >names.txt

FROM $BASE AS packages
# Certificates are the machine's, as for pip.
ENV UV_NO_CACHE=1 UV_SYSTEM_CERTS=1
RUN python -m pip install --no-cache-dir --root-user-action ignore uv==0.13.8
# uv knows where PyTorch's builds for CPUs are; those that pip finds bring gigabytes of CUDA.
ARG TORCH_FROM="--torch-backend cpu"
COPY constraints.txt ./
COPY --from=needs names.txt ./
# constraints.txt has the versions that our tests run with. What is removed is for PyTorch's
# developers, and tests.
RUN python -m venv --without-pip /venv && \
    uv pip install --python /venv/bin/python --only-binary :all: $TORCH_FROM \
        --constraint constraints.txt --requirement names.txt && \
    cd /venv/lib/python3.*/site-packages && \
    rm -rf torch/include torch/test && \
    find . -path './torch/bin/*' -type f ! -name torch_shm_manager -delete && \
    find . -type d -name tests -prune -exec rm -r {} +

# --- what Python and Numba make of the code at its first use --------------------------------------
FROM packages AS warm
ENV PATH=/venv/bin:$PATH PYTHONPYCACHEPREFIX=/warm/python NUMBA_CACHE_DIR=/warm/numba
# Kernels for any CPU of the architecture: those for the builder's own would often be made anew.
ENV NUMBA_CPU_NAME=generic
WORKDIR /src
COPY clipdraw clipdraw
COPY journeys journeys
COPY losses losses
COPY predictors predictors
COPY scripts/__init__.py scripts/form.py scripts/warm.py scripts/
# Python keeps nothing in a folder right below / that is not there yet, and the server's command
# copies Numba's, which is empty where nobody needs Numba.
RUN mkdir -p /warm/numba && python -c "import cog.server.http" && python -m scripts.warm

FROM warm AS schema
COPY scripts/schema.py scripts/signature.py scripts/
ARG PREDICTOR
RUN mkdir .cog && python -m scripts.schema "$PREDICTOR" >.cog/openapi_schema.json

# --- the image ------------------------------------------------------------------------------------
FROM $BASE
COPY --from=packages /venv /venv
WORKDIR /src
COPY clipdraw clipdraw
COPY journeys journeys
COPY losses losses
COPY predictors predictors
COPY --from=warm /warm /warm
# PyTorch's threads spin for a while after each operation, which keeps the renderer's off their core.
ENV PATH=/venv/bin:$PATH PYTHONPYCACHEPREFIX=/warm/python PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR=/tmp/numba OMP_WAIT_POLICY=PASSIVE \
    HOME=/tmp PORT=5000
# nobody: whoever breaks in owns no file here.
USER 65534:65534
EXPOSE 5000
# A server that draws is as healthy as one that waits.
HEALTHCHECK --start-period=120s CMD ["python", "-c", "import json, os, urllib.request as web; answer = json.load(web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health-check', timeout=10)); raise SystemExit(answer['status'] not in ('READY', 'BUSY'))"]
# Numba uses no cache that it cannot write to, and only /tmp may be written to.
CMD ["sh", "-c", "cp -r /warm/numba /tmp && exec python -m cog.server.http"]
COPY --from=schema /src/.cog .cog
ARG PREDICTOR
ENV COG_PREDICT_TYPE_STUB=predictors/$PREDICTOR/predict.py:Predictor
