"""Our own components, registered through the hooks that plugins use; targets are strings, so nothing is imported."""

from rat_modules.registry.hookspecs import Register, hookimpl


@hookimpl
def register_layers(register: Register) -> None:
    register(
        "recurrent-affine",
        "rat_modules.layers.recurrent_affine:RecurrentAffine",
        summary="affine of any feature map whose gamma and beta follow a recurrent controller",
    )
    register(
        "conditional-affine",
        "rat_modules.layers.affine:ConditionalAffine",
        summary="affine of any feature map whose gamma and beta follow a condition",
    )
    register(
        "soft-threshold-attention",
        "rat_modules.layers.attention:SoftThresholdAttention",
        summary="where in the picture the sentence is looked at",
    )


@hookimpl
def register_cells(register: Register) -> None:
    register("lstm", "rat_modules.layers.cells:LSTMCell", summary="the published controller")
    register("gru", "rat_modules.layers.cells:GRUCell", summary="three gates instead of four")
    register("none", "rat_modules.layers.cells:IsolatedCell", summary="no recurrence: the isolated affine of DF-GAN")


@hookimpl
def register_fusions(register: Register) -> None:
    fusion = "rat_modules.layers.fusion"
    register("affine", f"{fusion}:AffineFusion", summary="gamma x + beta, twice, as in RAT-GAN and DF-GAN")
    register("cbn", f"{fusion}:BatchNormFusion", summary="conditional batch norm")
    register("cin", f"{fusion}:InstanceNormFusion", summary="conditional instance norm")
    register("ssa", f"{fusion}:SemanticSpatialFusion", summary="batch norm and a masked affine, as in SSA-GAN")


@hookimpl
def register_losses(register: Register) -> None:
    register(
        "magp-hinge",
        "rat_modules.losses.magp_hinge:MAGPHingeLoss",
        summary="hinge loss with a matching-aware gradient penalty",
    )


@hookimpl
def register_generators(register: Register) -> None:
    register("ratgan", "rat_modules.models.generator:RATGenerator", summary="RAT-GAN generator, 16 to 512 px")


@hookimpl
def register_discriminators(register: Register) -> None:
    register(
        "ratgan", "rat_modules.models.discriminator:RATDiscriminator", summary="RAT-GAN discriminator, 16 to 512 px"
    )


@hookimpl
def register_text_encoders(register: Register) -> None:
    register("damsm", "rat_modules.text.damsm:DAMSMTextEncoder", summary="bidirectional LSTM with its own vocabulary")
    register(
        "wordllama", "rat_modules.text.wordllama:WordLlamaTextEncoder", summary="pretrained, any word, order-blind"
    )
    register(
        "projected",
        "rat_modules.assembly.projected:NamedProjectedTextEncoder",
        summary="a pretrained one behind a trained linear map",
    )


@hookimpl
def register_datasets(register: Register) -> None:
    register("shapes", "rat_modules.data.shapes:Shapes", summary="drawn shapes, with a checker that reads them back")
    register("mini", "rat_modules.data.mini:Mini", summary="64 emoji inside the package")
    register("emoji", "rat_modules.data.emoji:Emoji", summary="captioned emoji in three styles, made by `data emoji`")
    register("folder", "rat_modules.data.folder:ImageFolder", summary="a folder of images and captions")
    register("shards", "rat_modules.data.shards:Shards", summary="tars made by `data shard`, streamed while training")
    register("released", "rat_modules.data.released:Released", summary="CUB, Oxford-102 and COCO as published")


@hookimpl
def register_metrics(register: Register) -> None:
    measures = "rat_modules.evaluation.measures"
    register("frechet", f"{measures}:Frechet", summary="distance of means and covariances of features (FID)")
    register("kernel-distance", f"{measures}:KernelDistance", summary="distance of features by a kernel (KID)")
    register("inception-score", f"{measures}:InceptionScore", summary="how sure classes are, and how many")
    register("precision-recall", f"{measures}:PrecisionRecall", summary="how many look real, and how many are covered")
    register("diversity", f"{measures}:Diversity", summary="how far apart pictures of one caption are")
    register("r-precision", f"{measures}:RPrecision", summary="how often a picture finds its caption among 99 others")
    register("match-score", f"{measures}:MatchScore", summary="cosine of pictures and captions, as CLIP score has it")
    register("memorisation", f"{measures}:Memorisation", summary="how near pictures are to training pictures")
    register(
        "shapes-accuracy",
        "rat_modules.evaluation.shapes_accuracy:ShapesAccuracy",
        summary="colour, shape, size and place read back from drawn pictures",
    )


@hookimpl
def register_recipes(register: Register) -> None:
    # each file carries its own summary, so that a listing cannot contradict it
    for name in (
        "ratgan",
        "ratgan-released",
        "ratgan-released-attention",
        "ratgan-flower",
        "ratgan-emoji",
        "ratgan-tiny",
        "ratgan-shapes",
        "ratgan-mini",
        "ratgan-isolated",
        "ratgan-cbn",
        "ratgan-cin",
        "ratgan-no-attention",
        "ratgan-softmax",
    ):
        register(name, f"rat_modules.recipes:{name}.toml")


@hookimpl
def register_families(register: Register) -> None:
    # where files fit several, the first is taken
    family = "rat_modules.checkpoints.ratgan_family"
    register("ratgan-released", f"{family}:RELEASED", summary="4 affines a block: birds, COCO")
    register(
        "ratgan-released-attention",
        f"{family}:RELEASED_ATTENTION",
        summary="4 affines a block, attention in the discriminator: code until June 2023",
    )
    register("ratgan-flower", f"{family}:FLOWER", summary="6 affines a block: Oxford-102 flowers")
