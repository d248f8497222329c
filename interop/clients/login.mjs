// What `prokura connect` is given by a host of this run: where it keeps logins, how it opens a browser, who it is.

import { join } from 'node:path';
import { CLIENT_METADATA_URL } from './agreed.mjs';

const VISIT = new URL('visit.mjs', import.meta.url).pathname;

/** The environment. Visits are noted in `FOLDER/visits`. */
export const environment = (folder, registration) => ({
    PATH: process.env.PATH,
    HOME: folder,
    BROWSER: `${process.execPath} ${VISIT} ${join(folder, 'visits')} %s`,
    PROKURA_LOGINS: join(folder, 'logins'),
    ...(registration === 'cimd' && { PROKURA_CLIENT_METADATA_URL: CLIENT_METADATA_URL })
});
