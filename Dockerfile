# The environment of `make env` as a container image, from the committed files:
#     git archive HEAD | docker build -t competitive-plasticity -
#     docker run --rm -it competitive-plasticity make redraw
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /project
COPY . .
RUN make env
CMD ["make", "figures", "SCALE=smoke"]
