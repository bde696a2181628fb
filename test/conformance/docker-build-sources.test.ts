import { testBake } from "./docker-build/bake.ts";
import { testCaches } from "./docker-build/caches.ts";
import { testHistory } from "./docker-build/history.ts";
import { testPlatforms } from "./docker-build/platforms.ts";
import { testSources } from "./docker-build/sources.ts";

testSources();
testBake();
testPlatforms();
testCaches();
testHistory();
