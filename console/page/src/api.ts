// Requests to the console's server. Errors are ApiError with the server's message and hint.
import { reportGood, reportSignedOut, reportTrouble } from './connection';

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly hint: string) {
    super(message);
  }

  // It will pass without anybody changing the request: worth another try.
  get passing() { return this.status === 0 || this.status === 503; }
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new ApiError(response.status, error.code, error.message, error.hint ?? '');
  } catch {
    return new ApiError(response.status, 'http', `the console answered ${response.status}`, '');
  }
}

async function request<T>(path: string, options: RequestInit): Promise<T> {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const gone = new ApiError(0, 'unreachable', 'the console does not answer', 'see whether sluice console still runs');
    reportTrouble(gone);
    throw gone;
  }
  if (response.ok) {
    reportGood();
    return response.json();
  }
  const error = await failure(response);
  if (error.status === 401) reportSignedOut();
  else if (error.passing) reportTrouble(error);
  else reportGood();
  throw error;
}

export const getJson = <T>(path: string, signal?: AbortSignal) => request<T>(path, { signal });

export const post = (path: string, body: object = {}) =>
  request<unknown>(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

// PATH with the parameters that are not empty.
export function withQuery(path: string, query: Record<string, string>): string {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  return text === '' ? path : `${path}?${text}`;
}
