// A requestor of dcmjs-dimse that shows a user: node identity_scu.js HOST PORT AET TYPE PRIMARY SECONDARY
const { Client, association, requests } = require('dcmjs-dimse');
const [host, port, aet, type, primary, secondary] = process.argv.slice(2);

const client = new Client();
client.addRequest(new requests.CEchoRequest());
const options = {
  userIdentity: {
    type: Number(type),
    positiveResponseRequested: true,
    primaryField: primary,
    secondaryField: secondary || '',
  },
};
client.on('networkError', () => process.exit(1));
client.on('associationRejected', () => process.exit(1));
client.on('closed', () => process.exit(0));
client.send(host, Number(port), 'DCMJS', aet, options);
