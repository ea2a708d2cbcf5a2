import { mount } from 'svelte';
import { register } from './sw/register';
import App from './wallet/App.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target });
void register();
