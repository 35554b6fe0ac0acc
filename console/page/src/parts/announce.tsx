// One line that tells what was done, for eyes and for screen readers; it goes away by itself.
import { useEffect, useState } from 'preact/hooks';

const kShownMs = 6000;
let show: (text: string) => void = () => {};

export const say = (text: string) => show(text);

export function Announcements() {
  const [text, setText] = useState('');
  useEffect(() => {
    show = setText;
  }, []);
  useEffect(() => {
    if (text === '') return;
    const timer = window.setTimeout(() => setText(''), kShownMs);
    return () => window.clearTimeout(timer);
  }, [text]);
  return <div class={text ? 'announcement shown' : 'announcement'} role="status">{text}</div>;
}
