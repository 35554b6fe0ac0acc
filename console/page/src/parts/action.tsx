// A button that changes something: it asks first, then says what came of it. Shown only when the console was started with --allow-actions.
import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';
import { useContext, useRef, useState } from 'preact/hooks';
import { ApiError, post } from '../api';
import { say } from './announce';
import { Trouble } from './basics';

export const ActionsAllowed = createContext(false);

interface ActionProps {
  label: string; // the button, for example Retry
  title: string; // the question, for example Retry task 17?
  path: string;
  done: string; // what is said afterwards
  children?: ComponentChildren; // what will happen; may hold fields
  body?: (fields: FormData) => object;
  danger?: boolean;
  onDone: () => void;
}

export function Action(props: ActionProps) {
  return useContext(ActionsAllowed) ? <ActionButton {...props} /> : null;
}

function ActionButton({ label, title, path, done, children, body, danger, onDone }: ActionProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const show = () => {
    setError(undefined);
    setOpen(true);
    queueMicrotask(() => requestAnimationFrame(() => dialog.current?.showModal()));
  };
  const act = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await post(path, body?.(new FormData(event.currentTarget as HTMLFormElement)));
      // The row may go now, and the button with it: what holds it has the focus then.
      const around = dialog.current?.closest<HTMLElement>('[role=region]') ?? document.querySelector<HTMLElement>('main h1');
      dialog.current?.close();
      around?.focus({ preventScroll: true });
      say(done);
      onDone();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" class={danger ? 'danger' : undefined} onClick={show} aria-label={title.replace(/\?$/, '')}>{label}</button>
      {open && (
        <dialog ref={dialog} aria-label={title} onClose={() => setOpen(false)}>
          <form onSubmit={act}>
            <h2>{title}</h2>
            {children}
            {error && <Trouble error={error} />}
            <div class="buttons">
              <button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
              <button type="submit" class={danger ? 'danger primary' : 'primary'} disabled={busy}>{label}</button>
            </div>
          </form>
        </dialog>
      )}
    </>
  );
}
