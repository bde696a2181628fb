import { filters, type Scenario } from "../scenario.ts";

const tree = { "bin/tool": "#!/bin/true\n", "etc/os": "x\n" };
const changes = ['CMD ["/bin/tool"]', "ENV A=1", "EXPOSE 80", "LABEL l=1", "USER 5", "WORKDIR /x"]
  .map((line) => `changes=${encodeURIComponent(line)}`)
  .join("&");

/** Images of trees, and what the newer parameters of images do. */
export const importScenarios: readonly Scenario[] = [
  {
    name: "images made from trees",
    quick: true,
    steps: [
      { request: "POST /images/create?fromSrc=-&repo=tree&tag=1", files: tree, read: "lines" },
      { request: "GET /images/tree:1/json" },
      { request: "GET /images/tree:1/history" },
      {
        request: `POST /images/create?fromSrc=-&repo=tree&tag=2&message=why&${changes}`,
        files: tree,
        read: "lines",
      },
      { request: "GET /images/tree:2/json" },
      { request: "GET /images/tree:2/history" },
      {
        request: "POST /images/create?fromSrc=-&repo=tree&tag=3&platform=linux/arm64",
        files: tree,
        read: "lines",
      },
      { request: "GET /images/tree:3/json" },
      { request: "POST /images/create?fromSrc=-", files: tree, read: "lines" },
      { request: "POST /images/create?fromSrc=-&repo=UPPER", files: tree, read: "lines" },
      { request: "POST /images/create?fromSrc=-&repo=tree:4", files: tree, read: "lines" },
      {
        request: "POST /images/create?fromSrc=-&repo=tree&tag=5&changes=NONSENSE%20x",
        files: tree,
        read: "lines",
      },
      {
        request: "POST /images/create?fromSrc=-&repo=tree&tag=5&changes=RUN%20x",
        files: tree,
        read: "lines",
      },
      {
        request: "POST /images/create?fromSrc=-&repo=tree&tag=6&platform=nonsense/x/y/z",
        files: tree,
        read: "lines",
      },
      { request: `GET /images/json?${filters({ reference: ["tree"] })}`, unordered: true },
      { request: `GET /images/json?${filters({ label: ["l=1"] })}`, unordered: true },
      { request: `GET /images/json?${filters({ label: ["l=2"] })}`, unordered: true },
      { request: "POST /containers/create?name=leaf", body: { Image: "tree:2" } },
      { request: "GET /containers/leaf/json" },
      { request: "POST /containers/create?name=bare", body: { Image: "tree:1" } },
      { request: "DELETE /images/tree:1" },
      { request: "DELETE /images/tree:2?force=1" },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
  {
    name: "images and their newer parameters",
    quick: true,
    steps: [
      { request: "GET /images/json?manifests=1", unordered: true },
      { request: "GET /images/busybox/json?manifests=1" },
      { request: "GET /images/busybox/json?platform=nonsense" },
      {
        request: `GET /images/busybox/json?platform=${encodeURIComponent('{"os":"linux","architecture":"amd64"}')}`,
      },
      {
        request: `GET /images/busybox/json?platform=${encodeURIComponent('{"os":"linux","architecture":"s390x"}')}`,
      },
      {
        request: `GET /images/busybox/history?platform=${encodeURIComponent('{"os":"linux","architecture":"s390x"}')}`,
      },
      { request: "GET /images/busybox/history?platform=nonsense" },
      {
        request: `GET /images/busybox/get?platform=${encodeURIComponent('{"os":"linux","architecture":"s390x"}')}`,
        read: "nothing",
      },
      { request: "GET /images/busybox/get?platform=nonsense", read: "nothing" },
      { request: "POST /images/load?platform=nonsense", files: tree },
      { request: "DELETE /images/busybox?platforms=nonsense" },
      {
        request: `DELETE /images/busybox?platforms=${encodeURIComponent('{"os":"linux","architecture":"s390x"}')}`,
      },
      { request: "DELETE /images/busybox?force=x" },
      {
        request: "POST /images/busybox/push?tag=bad%20tag",
        headers: { "X-Registry-Auth": "e30=" },
      },
      { request: "POST /images/busybox/push", headers: { "X-Registry-Auth": "nonsense" } },
      {
        request: "POST /images/busybox/push?platform=nonsense",
        headers: { "X-Registry-Auth": "e30=" },
      },
      { request: "GET /images/search?term=" },
      { request: "GET /images/search?term=x&limit=x" },
      { request: `GET /images/search?term=x&${filters({ nonsense: ["x"] })}` },
      { request: `GET /images/search?term=x&${filters({ stars: ["x"] })}` },
      { request: "POST /images/create?fromImage=busybox&tag=bad%20tag" },
      { request: "POST /images/create?fromImage=busybox@sha256:12" },
      { request: "GET /distribution/UPPER/json" },
      { request: "POST /auth", body: {} },
      { request: "POST /auth", body: { username: "u", password: "p", serveraddress: "bad name" } },
      { request: "GET /images/get?names=busybox&names=absent" },
      { request: "GET /images/get?names=UPPER" },
      { request: "HEAD /images/json" },
      { request: "HEAD /images/busybox/json" },
    ],
  },
];
