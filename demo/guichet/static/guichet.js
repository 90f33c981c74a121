// The answer goes on by itself; without script the button does it.
document.getElementById("suite").submit();
