// What the configuration of a run and the clients agree on.

export const CLIENT_METADATA_URL = 'https://conformance-test.local/client-metadata.json';
export const BASIC_TOOL = 'test_simple_text';
export const ADVANCED_TOOL = 'test_multiple_content_types';
