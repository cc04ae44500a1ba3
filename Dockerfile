FROM python:3.11-slim
COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src && useradd --create-home rubylith && install -d -o rubylith /data
USER rubylith
ENV RUBYLITH_HOME=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')"]
# Beyond loopback the server wants a key: set RUBYLITH_KEYS.
CMD ["rubylith", "serve", "--host", "0.0.0.0"]
