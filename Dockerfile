# docker build --target cpu -t vret .          or: docker compose up
# docker build --target gpu -t vret:gpu .      then: docker run --gpus all ...
# Whoever passes an image on passes on libraries under the GPL as well, x264 and x265 among them: see NOTICE.
FROM python:3.12-slim AS base
WORKDIR /srv/vret
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 VRET_HOME=/data
# Nothing is reported to anybody. vret sets these itself; here they also hold for what else is started in the container.
ENV ORT_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_TELEMETRY=1 STREAMLIT_BROWSER_GATHER_USAGE_STATS=false
# Not root: the page reads people's videos and writes only into the data volume.
RUN useradd --create-home --uid 1000 vret && install -d -m 700 -o vret -g vret /data
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY app app
COPY embedder embedder
COPY index index
COPY pretrain pretrain
VOLUME /data
EXPOSE 8501

FROM base AS gpu
RUN pip install --constraint constraints.txt '.[gpu,postgres]'
USER vret
CMD ["vret", "ui"]

# The last target is the one that a plain `docker build` makes.
FROM base AS cpu
RUN pip install --constraint constraints.txt '.[cpu,postgres]'
USER vret
CMD ["vret", "ui"]
