import type { Project } from "./project.ts";

const script = { mode: 0o755 } as const;

/** Projects known by how they are built rather than by a language. */
export const structures: Readonly<Record<string, Project>> = {
  "static site": {
    dockerfile: `FROM busybox AS site
ADD site.tar.gz /site
RUN rm /site/draft.html
FROM busybox
COPY --from=site /site/ /usr/share/html/
ADD theme.tar assets.txt /usr/share/html/theme/
COPY conf/site.conf /etc/site.d/default.conf
EXPOSE 80
CMD ["httpd", "-f", "-h", "/usr/share/html"]
`,
    files: {
      "site.tar.gz": {
        gzip: true,
        tar: [
          {
            kind: "directory",
            name: "css",
            uid: 7,
            gid: 8,
            mode: 0o750,
            modifiedSeconds: 1_600_000_000,
          },
          {
            kind: "file",
            name: "css/a.css",
            data: "a{}\n",
            uid: 7,
            gid: 8,
            mode: 0o640,
            modifiedSeconds: 1_600_000_001,
          },
          { kind: "file", name: "draft.html", data: "draft\n" },
          { kind: "file", name: "index.html", data: "<p>\n", modifiedSeconds: 1_600_000_002 },
          {
            kind: "hardlink",
            name: "home.html",
            linkName: "index.html",
            modifiedSeconds: 1_600_000_002,
          },
          { kind: "symlink", name: "latest", linkName: "css" },
        ],
      },
      "theme.tar": { tar: [{ kind: "file", name: "dark/x", data: "x\n", mode: 0o4755, uid: 5 }] },
      "assets.txt": "no archive\n",
      "conf/site.conf": "listen 80\n",
    },
  },
  "C with a makefile": {
    dockerfile: `FROM busybox AS build
SHELL ["/bin/sh", "-eux", "-c"]
WORKDIR /build
COPY --chmod=u=rwx,go=rx configure Makefile ./
COPY <<"SOURCE" <<-HEADER src/
int main(void) { return $X; }
SOURCE
	#define TABS 1
HEADER
RUN ./configure && cat src/SOURCE src/HEADER > a.out
RUN <<SCRIPT
#!/bin/sh
mkdir -p /usr/local/lib
cp a.out /usr/local/lib/liba.so.1.0
ln -s liba.so.1.0 /usr/local/lib/liba.so.1
ln /usr/local/lib/liba.so.1.0 /usr/local/lib/liba.a
SCRIPT
FROM busybox
COPY --from=build /usr/local /usr/local
`,
    files: { configure: "#!/bin/sh\ntouch config.h\n", Makefile: "all:\n" },
  },
  monorepo: {
    dockerfile: `ARG PACKAGE=none
FROM busybox AS workspace
WORKDIR /repo
COPY packages packages
COPY tsconfig.json package.json ./
FROM workspace AS web
ARG PACKAGE
RUN echo web-$PACKAGE > which
FROM workspace AS api
ARG PACKAGE
ENV PACKAGE=$PACKAGE
RUN echo api-$PACKAGE > which && ls packages/*
FROM web AS unused
RUN exit 1
`,
    files: {
      "package.json": "{}\n",
      "tsconfig.json": "{}\n",
      "packages/api/src/a.ts": "a\n",
      "packages/api/dist/a.js": "left out\n",
      "packages/web/src/w.ts": "w\n",
      "packages/web/test/w.test.ts": "left out\n",
      "packages/web/dist/keep/k.js": "kept\n",
      ".dockerignore": "**/dist\n!packages/web/dist/keep\n**/*.test.ts\n/*.md\n",
      "README.md": "left out\n",
    },
    arguments: { PACKAGE: "core" },
    target: "api",
  },
  database: {
    dockerfile: `FROM busybox
RUN set -eux; echo 'db:x:999:' >> /etc/group; echo 'db:x:999:999::/var/lib/db:/bin/sh' >> /etc/passwd; mkdir -p /var/lib/db /run/db /init.d; chown -R db:db /var/lib/db /run/db; chmod 1777 /var/lib/db; chmod 2775 /run/db
ENV DATA=/var/lib/db/data
RUN mkdir -p "$DATA" && chown -R db:db "$DATA" && chmod 700 "$DATA" && mkfifo -m 600 /run/db/fifo
COPY --chown=db docker-entrypoint.sh /usr/local/bin/
RUN ln -s usr/local/bin/docker-entrypoint.sh / && echo su > /usr/local/bin/gosu && chmod 755 /usr/local/bin/gosu && chmod u+s,g+s /usr/local/bin/gosu
VOLUME $DATA
WORKDIR /var/lib/db
USER db
WORKDIR made/by/user
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
`,
    files: { "docker-entrypoint.sh": { ...script, text: '#!/bin/sh\nexec "$@"\n' } },
  },
  dotfiles: {
    dockerfile: `FROM busybox
COPY --chmod=0600 <<CONFIG /root/.config/tool/config
home = $HOME
path=$PATH
CONFIG
COPY .bashrc .profile /root/
COPY ["name with spaces", "ünïcödé", "/data files/"]
COPY --chown=12:34 --chmod=750 tree /opt/tree
COPY --chmod=g+w,o-rwx tree/run /opt/run
COPY --exclude=*.md --exclude=sub/b tree /opt/some/
RUN printf '%s' '*' > '/data files/*' && printf x > "/data files/back\\\\slash"
`,
    files: {
      ".bashrc": "alias x=y\n",
      ".profile": { text: "p\n", mode: 0o444 },
      "name with spaces": "1\n",
      ünïcödé: "2\n",
      "tree/run": { ...script, text: "#!/bin/sh\n" },
      "tree/README.md": "readme\n",
      "tree/sub/a": "a\n",
      "tree/sub/b": "b\n",
      "tree/sub/c.md": "c\n",
    },
  },
  "a base with triggers": {
    dockerfile: `FROM busybox AS onbuild
WORKDIR /usr/src/app
ONBUILD ARG STAGE=production
ONBUILD COPY manifest.json .
ONBUILD RUN echo "$STAGE" > stage
ONBUILD COPY . .
ONBUILD USER 1234
CMD ["start"]
FROM onbuild
RUN id -u > /tmp/id
`,
    files: { "manifest.json": "{}\n", "code/x": "x\n" },
    arguments: { STAGE: "test" },
  },
  "layers on layers": {
    dockerfile: `FROM busybox
RUN mkdir -p /l/dir/sub /l/gone && echo 1 > /l/file && echo 2 > /l/dir/a && echo 3 > /l/dir/sub/b && echo 4 > /l/gone/x && ln /l/file /l/hard
RUN rm /l/file && mkdir /l/file && rm -rf /l/dir && echo now > /l/dir && rm -r /l/gone
RUN rm -r /l/file && ln -s dir /l/file && chmod 600 /l/hard && mkdir -p /l/gone/y
RUN chown 5:6 /l/dir && rm -rf /l/gone/y && mkdir /l/gone/y && touch /l/gone/y/almost
RUN mv /l/dir /l/moved && mv /etc/nsswitch.conf /etc/moved.conf && rm -rf /var/tmp
RUN true
COPY file /l/hard
COPY over /l/
`,
    files: { file: "copied\n", "over/moved": "over\n", "over/gone/z": "z\n" },
  },
  "archives and owners": {
    dockerfile: `FROM busybox
ADD --chown=9:10 owned.tar /owned
ADD attributes.tar /attributes/
ADD plain.txt /new/plain
ADD plain.txt /folder/
ADD folder /as-folder
ADD --chmod=700 plain.txt /modes/
`,
    files: {
      "owned.tar": {
        tar: [
          { kind: "directory", name: "d", uid: 3, gid: 4, mode: 0o700 },
          { kind: "file", name: "d/f", data: "f\n", uid: 3, gid: 4, mode: 0o600 },
        ],
      },
      "attributes.tar": {
        tar: [
          {
            kind: "file",
            name: "capable",
            data: "c\n",
            mode: 0o755,
            attributes: [
              {
                name: Buffer.from("security.capability"),
                value: Buffer.from("0100000200040000000000000000000000000000", "hex"),
              },
            ],
          },
          { kind: "fifo", name: "pipe", mode: 0o620 },
          { kind: "symlink", name: "absolute", linkName: "/etc/passwd" },
        ],
      },
      "plain.txt": "plain\n",
      "folder/inner/x": "x\n",
      "folder/y": { text: "y\n", mode: 0o755 },
    },
  },
  "links and destinations": {
    dockerfile: `FROM busybox
RUN mkdir -p /real/inner /there && ln -s real /alias && ln -s /there/target /there/link && echo old > /there/target && ln -s /outside /real/up
COPY one /alias/
COPY two /alias/inner/renamed
COPY one /there/link
COPY links /links
COPY links/to-file /followed
COPY links/to-folder /folder-followed
COPY folder/ /merged
COPY other/ /merged/
COPY folder /named/folder/
COPY t* /wild/
COPY . /all/
COPY one two /many/
COPY folder/*/deep /deep/
WORKDIR /relative
COPY one ./
COPY two sub/three
COPY one /trailing/slash/
`,
    files: {
      one: "1\n",
      two: { text: "2\n", mode: 0o640 },
      "links/to-file": { link: "../one" },
      "links/to-folder": { link: "../folder" },
      "links/broken": { link: "nowhere" },
      "links/absolute": { link: "/etc/hostname" },
      "folder/a": "a\n",
      "folder/same": "first\n",
      "folder/x/deep": "deep\n",
      "folder/empty": { folder: true },
      "other/same": { text: "second\n", mode: 0o755 },
      "other/b": "b\n",
      ".dockerignore": "Dockerfile\n.dockerignore\n",
    },
  },
  "linked layers": {
    dockerfile: `FROM busybox AS base
RUN mkdir -p /opt/app && echo base > /opt/app/base && chmod 700 /opt/app
FROM base
COPY --link app /opt/app/
COPY --link --chown=8:9 app/conf /etc/app/conf
COPY --link --from=base /opt/app/base /copy/of/base
ENV A=1
ENV A=2 B="two words" C=$A
WORKDIR sub
WORKDIR ../other
RUN --network=none pwd > where
CMD echo $A
`,
    files: { "app/conf": "conf\n", "app/bin": { ...script, text: "#!/bin/sh\n" } },
  },
};
