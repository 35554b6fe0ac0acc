import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { App } from './app';
import { startRouter } from './router';

startRouter();
render(<App />, document.getElementById('app')!);
