import type { Project } from "./project.ts";

/** Modes as chmod(1) has them, and as BSD's setmode(3) reads them. */
const modes = [
  ...[
    "+s",
    "g+s",
    "+t",
    "o+t",
    "o+s",
    "u+t",
    "u+s,o+t",
    "a=rwxst",
    "g-s",
    "g=u",
    "u=rwx",
    "=",
    "u=",
    "=t",
    "+rt",
  ],
  ...[
    "=rX",
    "+X",
    "a=X",
    "-X",
    "u=s",
    "o=u",
    "u=rw,+X",
    "a-rwx,u+x,+X",
    "ug=rw,o=g",
    "u-o",
    "go-rwxst",
    "a-t,+t",
  ],
];
const copies = modes.map((mode, at) => `COPY --from=tree --chmod=${mode} /tree /m${at}\n`);

const owners = [
  ...[
    "nosuch",
    "nosuch:2",
    "1:nosuch",
    "user:nosuch",
    "user:",
    "1:",
    ":2",
    "user:grp",
    "user:grp:x",
    "user",
    "0x1",
  ],
  ...["+5", "-1", "01", "root", "1:root", "2147483647", "2147483648", "4294967295"],
];
const owned = owners.map((owner, at) => `COPY --chown=${owner} d/x /o${at}\n`);

/** What random builds have shown to differ from Docker's (differential/builds), each kind in one project. */
export const found: Readonly<Record<string, Project>> = {
  "folders that COPY makes": {
    dockerfile: `FROM busybox AS tree
RUN mkdir -p /tree/a; chmod 2750 /tree /tree/a; chown 3:4 /tree /tree/a; mkdir /there; chmod 711 /there
FROM tree
COPY p /x1
COPY p /x2/
COPY p /x3/y/
COPY p/ x4
COPY p/q f /x5/
COPY p* /x6/
COPY --chown=1:2 p /x7/y
COPY --chmod=711 p /x8/y
COPY --chmod=4711 p /x9/y
COPY --chmod=u=rx p /x10/y/
COPY --from=tree /tree /x11
COPY --from=tree /tree/a /x12/
COPY --chown=7 p /there
ADD p /x13
WORKDIR /x14/y
COPY p .
COPY p z
COPY --chmod=1777 p /x15/y
COPY --chmod=666 f /x16/y/
COPY --exclude=f --exclude=q f p /x17/
COPY --exclude=f* f* /x18/
COPY --exclude=e p/* /x19/
`,
    files: {
      p: { folder: true, mode: 0o2700 },
      "p/in": "in\n",
      "p/q": { folder: true, mode: 0o1711 },
      "p/q/e": { folder: true, mode: 0o555 },
      f: "f\n",
    },
  },
  "mounts by way of links": {
    dockerfile: `FROM busybox
RUN mkdir /real /kept; ln -s real /lnk; ln -s no/where /dang; ln -s /real/in /deep
RUN --mount=type=tmpfs,target=/lnk/t --mount=type=tmpfs,target=/dang/m --mount=type=tmpfs,target=/deep/er true
RUN --mount=type=bind,target=/lnk/file,source=f --mount=type=cache,target=/var/run/cache cat /lnk/file > /seen
RUN --mount=type=tmpfs,target=/deep touch /real/made; rmdir /kept
`,
    files: { f: "f\n" },
  },
  "patterns that match nothing": {
    dockerfile: `FROM busybox AS base
RUN mkdir /there
FROM busybox
COPY no*match f /one/
COPY d/*.none f /two/
COPY d /three
COPY --from=base /there/* f* /four/
`,
    files: { f: "f\n", "d/x": "x\n" },
  },
  "mounts on one place, and by links that the step replaces": {
    dockerfile: `FROM busybox
RUN mkdir /real; ln -s real /lnk
RUN --mount=type=bind,source=d,target=/mnt --mount=type=bind,source=f,target=/mnt cat /mnt > /file
RUN --mount=type=bind,source=f,target=/mnt --mount=type=bind,source=d,target=/mnt ls /mnt > /folder
RUN --mount=type=tmpfs,target=/lnk/t rm /lnk; mkdir /lnk
`,
    files: { f: "f\n", "d/x": "x\n" },
  },
  "modes in words": {
    dockerfile: `FROM busybox AS tree
RUN mkdir -p /tree/a /tree/b; cd /tree; echo a > one; echo b > a/two; chmod 6754 one; chmod 2755 a; chmod 640 a/two; chmod 1700 b
FROM busybox
${copies.join("")}`,
    files: {},
  },
  "owners that nobody knows": {
    dockerfile: `FROM busybox AS root
RUN echo user:x:41:42::/:/bin/sh >> /etc/passwd; echo grp:x:43: >> /etc/group
FROM root
${owned.join("")}USER nosuch
WORKDIR /w
`,
    files: { "d/x": "x\n" },
  },
};
