import { randomInt } from "node:crypto";

const qualities =
  "able airy amber apt ardent balmy bold brave breezy bright brisk calm candid cheery clear clever cosy crisp curious deft eager early even fair fleet fond frank fresh gentle glad golden grand happy hardy honest humble jolly keen kind lively loyal lucid lucky mellow merry mild modest neat nimble noble open patient placid plucky polite prime proud quick quiet rapid ready rosy sage serene sharp shy silent smart snug solid spry steady still stout sunny sure swift tidy tranquil true upbeat vivid warm wise witty young zesty".split(
    " ",
  );
const pairs =
  "abba alto aria ballad baritone bass bassoon bell bolero bugle cadence cantata canto carol cello chant chime choir chord clarinet coda concerto cornet cymbal descant drum duo encore etude fanfare fiddle flute forte fugue gamba gong guitar harp horn hymn jig kazoo lute lyre madrigal march mazurka melody minuet motet nocturne oboe octave octet opera opus organ overture piano piccolo polka prelude psalm quartet quintet rag reel refrain rhapsody rondo samba septet serenade sextet shanty sitar sonata song soprano spinet suite symphony tabla tango tempo tenor toccata trill trio tuba vesper viol viola violin waltz zither".split(
    " ",
  );

/** A free name such as `merry_cello`; after some tries with a number behind. */
export function inventName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt += 1) {
    const name = `${qualities[randomInt(qualities.length)]}_${pairs[randomInt(pairs.length)]}`;
    const candidate = attempt < 4 ? name : `${name}${randomInt(10 ** Math.min(attempt, 9))}`;
    if (!isTaken(candidate)) return candidate;
  }
}
