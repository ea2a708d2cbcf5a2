import { mount } from 'svelte';
import { register } from './sw/register';
import App from './wallet/App.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target });
// Who stands at a gate, or looks at a recovery code, is not interrupted.
void register(() => !/^#\/(?:tickets\/[^/]+\/|present|join|recover)/.test(location.hash));
